"""PDF files, opened and rendered by PDFium: in this process, or in one of its own with limits.

PDFium reads what strangers send as well as a browser does, but it cannot be interrupted: a file of
some hundred bytes can keep it busy for ever. In a process of its own (`isolated`) it can.

Importing this package loads neither numpy nor PDFium; the processes are small for it.
"""

from fastocr.pdf.document import Document, Pixels, Scales

__all__ = ["Document", "Pixels", "Scales"]
