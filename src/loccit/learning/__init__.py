"""What does this repository's own past teach us? Mining, replaying, training, proving."""
