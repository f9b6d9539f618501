"""What consolidation has made: golden records, their members, answers and judgements."""
