"""What all payments share: the money a kind may spend, drafts in their turn, drafts given up. On institutions, region."""
