"""Tables as PDF: long books by a fast writer of our own, forms by typst; the face is embedded."""
