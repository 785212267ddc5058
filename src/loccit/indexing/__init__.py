"""How is a chunk found again? The blob cache, the shards and the catalogue of a home folder."""
