"""What a person looks at: a card in the terminal, a page a call, a workbook."""
