"""The second round of evidence: what was registered before its runs, and what they say."""
