"""All pipelines: a new lane is one line here, its file beside, and its `LaneSpec`."""

from fototui.engine.pipelines import book, coloring, download, ingest, svg

PIPELINES = {
    entry.kind: entry
    for entry in (coloring.ENTRY, svg.ENTRY, book.ENTRY, ingest.ENTRY, download.ENTRY)
}
