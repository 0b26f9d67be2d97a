SELECT count(*) AS n, sum(visits) AS visits, sum(balance) AS money FROM accounts
