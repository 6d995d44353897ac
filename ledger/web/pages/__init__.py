"""A file a page or a family of pages: what it asks of the books, as a Grid or as the values of a template."""
