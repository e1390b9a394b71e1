"""What follows prices: updates of the book, changes looked through, plans."""
