"""What a node keeps on disk: the transcript, the outbox, the keys and the high-water mark."""
