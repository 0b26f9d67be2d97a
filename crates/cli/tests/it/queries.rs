//! Named queries of a served project: answers are those of their SQL, values are bound, and what changes is seen.

use crate::dashboard::Site;
use crate::live::append;
use serde_json::json;

const BY_KIND: &str = r#"--! description = "Events of a kind."
--! [params]
--! kind = "text"
--! since = { type = "timestamp", optional = true, description = "from this moment on" }
--! least = { type = "decimal(10, 2)", default = 0 }
--! limit = { type = "int", default = 1000 }
SELECT id, at, amount FROM events
WHERE kind = $kind AND amount >= $least AND ($since IS NULL OR at >= $since)
ORDER BY id
LIMIT $limit
"#;
const CLOCK: &str = "SELECT count(*) AS runs, now() AS asked_at FROM system.runs\n";

#[test]
fn a_query_is_asked_by_its_name_with_values_that_are_bound() {
    let project = crate::live::project();
    project.write("queries/by_kind.sql", BY_KIND);
    project.write("queries/clock.sql", CLOCK);
    append(&project, 0..120);
    let site = Site::start(&project);
    let listed = site.json("/api/queries");
    let by_kind = &listed["queries"][0];
    assert_eq!(by_kind["params"][0], json!({ "name": "kind", "type": "text", "required": true, "default": null, "description": "" }));
    assert_eq!(by_kind["columns"][0], json!({ "name": "id", "type": "integer" }), "{listed}");
    assert_eq!(site.asked_with("/api/queries/by_kind?kind=buy", "").status, 401);

    let rows = |query: &str| {
        let answer = site.json(&format!("/api/queries/by_kind?{query}"));
        answer["rows"].as_array().expect("rows").len().to_string()
    };
    assert_eq!(rows("kind=buy"), project.ask("SELECT count(*) FROM events WHERE kind = 'buy'"));
    assert_eq!(rows("kind=buy&least=20.5"), project.ask("SELECT count(*) FROM events WHERE kind = 'buy' AND amount >= 20.5"));
    let since = "at >= TIMESTAMP '2024-01-01 00:01:00'";
    assert_eq!(
        rows("kind=buy&since=2024-01-01T00:01:00Z"),
        project.ask(&format!("SELECT count(*) FROM events WHERE kind = 'buy' AND {since}"))
    );
    assert_eq!(rows("kind=buy&limit=3"), "3");
    assert_eq!(rows("kind=%27+OR+true+--"), "0");
    for wrong in
        ["", "kind=buy&least=x", "kind=buy&limit=-1.5", "kind=buy&since=9999999-01-01", "kind=buy&kind=view", "kind=buy&sql=SELECT+1"]
    {
        let said = site.get(&format!("/api/queries/by_kind?{wrong}"));
        assert!(said.status == 400 && said.json()["error"]["code"] == "bad_value", "{wrong}: {}", said.body);
    }
    // A number that the data cannot have is no fault of the server's.
    assert_eq!(rows("kind=buy&since=9999-12-31"), "0");
    let none = site.get("/api/queries/by_kind?kind=buy&limit=-1");
    assert!(none.status == 400 || none.status == 422, "{}", none.body);

    let before = site.json("/api/queries/by_kind?kind=buy");
    assert_eq!(site.json("/api/queries/by_kind?kind=buy")["elapsed_ms"], before["elapsed_ms"], "it is kept");
    append(&project, 120..240);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while rows("kind=buy") == before["rows"].as_array().expect("rows").len().to_string() {
        assert!(std::time::Instant::now() < deadline, "new rows were not seen");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // What reads the clock is not kept for longer than a second.
    let asked = || site.json("/api/queries/clock")["rows"][0][1].to_string();
    let first = asked();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while asked() == first {
        assert!(std::time::Instant::now() < deadline, "it was kept");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    site.stop();
}
