"""What several tests need: servers, small worlds. No test stands here."""
