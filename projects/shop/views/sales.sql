--! materialized = "table"
--! partition_by = ["month"]
--! description = "The facts: one row per order line, with what its order, article and customer say. Everything about revenue begins here."
--! tests = [
--!   { unique = ["order_id", "line"] },
--!   { not_null = ["customer_id", "quantity", "is_sold"] },
--!   { relationships = { column = "order_id", to = "orders", to_column = "order_id" } },
--!   { name = "no_line_lost_or_doubled", sql = """
--!       SELECT made, there FROM (SELECT count(*) AS made FROM sales) a
--!       CROSS JOIN (SELECT count(*) AS there FROM order_lines WHERE order_id IN (SELECT order_id FROM orders)) b WHERE made <> there""" },
--! ]
--! [columns]
--! order_id = "order"
--! line = "place in the order"
--! product_id = "article"
--! customer_id = "customer"
--! ordered_at = "moment of ordering; NULL for an order that came live without one, until the table is made anew"
--! ordered_on = "day of ordering, UTC"
--! month = "first day of the month of ordering"
--! status = "status of the order, unknown where nobody knows"
--! is_sold = "neither cancelled nor returned"
--! category = "category of the article"
--! country = "country of the customer"
--! region = "region of the customer"
--! gender = "gender of the customer"
--! age_group = "age group of the customer"
--! device = "where it was ordered"
--! payment = "how it was paid"
--! quantity = "pieces"
--! unit_price = "price of a piece; the article's price today where the line has none"
--! discount = "share of the order that was given off"
--! net = "pieces times price less discount, in euros"
--! cost = "what the supplier took for the pieces, in euros; NULL for an article that is not known"
SELECT
    l.order_id,
    l.line,
    l.product_id,
    o.customer_id,
    o.ordered_at,
    CAST(o.ordered_at AS DATE) AS ordered_on,
    month_of(o.ordered_at) AS month,
    coalesce(o.status, 'unknown') AS status,
    is_sold(o.status) AS is_sold,
    coalesce(p.category, 'unknown') AS category,
    coalesce(c.country, 'unknown') AS country,
    coalesce(c.region, 'unknown') AS region,
    coalesce(c.gender, 'unknown') AS gender,
    age_group(c.age) AS age_group,
    coalesce(o.device, 'unknown') AS device,
    coalesce(o.payment, 'unknown') AS payment,
    l.quantity,
    coalesce(l.unit_price, p.price) AS unit_price,
    o.discount,
    net_amount(l.quantity, coalesce(l.unit_price, p.price), o.discount) AS net,
    CAST(CAST(l.quantity AS DECIMAL(7, 0)) * p.cost AS DECIMAL(14, 2)) AS cost
FROM order_lines l
JOIN orders o ON o.order_id = l.order_id
LEFT JOIN products p ON p.product_id = l.product_id
LEFT JOIN customers c ON c.customer_id = o.customer_id
