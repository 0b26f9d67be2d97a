SELECT r.name
FROM richest('UK') r, richest(country => 'UK', m => 3) s
