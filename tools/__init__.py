"""Programs for work on fastocr and its releases."""
