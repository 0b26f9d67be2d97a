--! description = "A name for quintiles of recency, frequency and money (5 is best)."
CREATE FUNCTION rfm_group(recency BIGINT, frequency BIGINT, monetary BIGINT) RETURNS TEXT
RETURN CASE
    WHEN recency >= 4 AND frequency >= 4 AND monetary >= 4 THEN 'champions'
    WHEN recency >= 3 AND frequency >= 4 THEN 'loyal'
    WHEN recency >= 3 AND monetary >= 4 THEN 'big spenders'
    WHEN recency >= 4 AND frequency <= 2 THEN 'new or promising'
    WHEN recency >= 3 THEN 'regular'
    WHEN frequency >= 4 OR monetary >= 4 THEN 'at risk'
    WHEN recency = 2 THEN 'about to sleep'
    ELSE 'lost'
END
