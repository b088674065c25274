"""One module per page or family of pages. Each has a `router`, and a `NAVIGATION` where it belongs on the left."""
