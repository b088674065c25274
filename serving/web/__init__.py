"""The pages for people: rendered here, with styles and scripts that are shipped in this package."""
