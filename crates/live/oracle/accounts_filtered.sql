SELECT id, balance FROM accounts WHERE status = 'open' AND balance > 300
