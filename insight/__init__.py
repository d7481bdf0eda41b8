"""Questions asked over many calls: agreement with gold, and later sampling, trends, appraisal."""
