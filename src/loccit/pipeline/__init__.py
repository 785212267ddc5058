"""In which order do the rooms run? One file per road: ingest, ask."""
