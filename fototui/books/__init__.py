"""Books: an order's SVGs and its dedication, typeset by Typst into a PDF for a print shop."""
