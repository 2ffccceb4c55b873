"""The twelve claims: their parts, rules, figures and verdicts, and the records that count."""
