--! state_limit = 100000
-- The discounts of one moment.
SELECT category, percent FROM discounts FOR SYSTEM_TIME AS OF TIMESTAMP '2024-03-01T10:12:00Z'
