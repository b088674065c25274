"""The web server: one application that holds the interface for programs and the pages for people."""
