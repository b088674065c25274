"""Connectors of single products: each a small module that knows the product's interface and its default mapping.

What they share is `product`; how requests, pages and times work is the `rest` connector's.
"""
