"""One module per version; a version that was ever released is never edited."""
