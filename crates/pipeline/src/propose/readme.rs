//! The project's settings, and a page that says what was found.

use super::look::Look;
use super::text::{counted, quoted};

pub(super) fn settings(project: &str, description: &str) -> String {
    format!(
        "name = {}\ndescription = {}\n\n[lake]\nlocation = \"lake\"          # tables are kept here, as Delta tables\n\n[engine]\nmemory_limit = \"1GB\"\n",
        quoted(project),
        quoted(description)
    )
}

pub(super) fn readme(project: &str, looks: &[Look], files: &[(String, String)]) -> String {
    let mut out = format!("# {project}\n\n");
    out.push_str("    tidemill run                   # read, clean, build views, export\n    tidemill shell                 # ask\n    tidemill audit                 # every row accounted for\n    tidemill serve                 # the same in a browser: the pages of dashboards/\n\n");
    for look in looks {
        out.push_str(&format!(
            "## {}\n\n{} from {}, {}. Reading, contract and cleaning rules: `tables/{}.toml`.\n\n",
            look.name,
            counted(look.rows, "row"),
            look.shown_source(),
            counted(look.columns.len() as u64, "column"),
            look.name
        ));
        let findings: Vec<_> = look.profile.findings.iter().take(20).collect();
        if !findings.is_empty() {
            out.push_str("What was found when this project was written, worst first:\n\n");
            for f in findings {
                out.push_str(&format!("- {}\n", f.text));
            }
            out.push('\n');
        }
    }
    let views: Vec<&str> = files.iter().filter_map(|(p, _)| p.strip_prefix("views/")?.strip_suffix(".sql")).collect();
    if !views.is_empty() {
        out.push_str("## Views\n\n");
        for v in views {
            out.push_str(&format!("- `{v}`: `tidemill query \"SELECT * FROM {v}\"`\n"));
        }
    }
    out
}
