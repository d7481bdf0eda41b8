"""What is kept: the Delta Lake workspace of transcripts, findings and drafts."""
