"""The store: ordered byte keys on disk, their blobs, and the directory that holds both.

Engines (`engine`, `sqlite`, `memory`) know bytes and durability only. What a transaction sees and
when a reply may leave is the shard's (`shard`); records and keys are packed in `ballroom.kernel`.
"""
