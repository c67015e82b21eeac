"""What is lost when processes end and backends are away: each cell counted by a witness, against real receivers."""
