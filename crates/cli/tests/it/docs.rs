//! The pages tell the truth: every setting, option and command is on its page, and the tour in README works as it is written.

use crate::cargo;
use std::path::{Path, PathBuf};
use std::process::Command;
use tidemill_project::Settings;

#[test]
fn the_settings_page_lists_every_setting_with_its_default_and_meaning() {
    let page = page("docs/reference/settings.md");
    let mut missing = Vec::new();
    for (key, default, meaning) in Settings::documentation() {
        let row = format!("| `{key}` |");
        match page.lines().find(|l| l.starts_with(&row)) {
            None => missing.push(format!("{key} is not on the page")),
            Some(line) if !default.is_empty() && !line.contains(&format!("`{default}`")) && !line.contains(&format!("`\"{default}\"`")) => {
                missing.push(format!("{key}: the default is {default}, the page says {line}"));
            }
            Some(_) if meaning.is_empty() => missing.push(format!("{key} has no meaning")),
            Some(_) => {}
        }
    }
    assert!(missing.is_empty(), "docs/reference/settings.md:\n{}", missing.join("\n"));
}

#[test]
fn the_tables_page_lists_every_option_of_a_source() {
    let page = page("docs/reference/tables.md");
    for connector in tidemill_connect::BUILTIN {
        assert!(page.contains(&format!("`connector = \"{}\"`", connector.kind())), "no word of the connector {}", connector.kind());
        for option in connector.options() {
            assert!(
                page.contains(&format!("| `{}` |", option.name)),
                "{}: the option `{}` is not on the page",
                connector.kind(),
                option.name
            );
        }
    }
}

#[test]
fn every_option_of_what_is_followed_and_of_sinks_is_on_its_page() {
    let mut missing = Vec::new();
    let streams = tidemill_connect::STREAMS.iter().map(|s| ("sources", s.kind(), s.options()));
    let sinks = tidemill_connect::SINKS.iter().map(|s| ("sinks", s.kind(), s.options()));
    for (page_name, kind, options) in streams.chain(sinks) {
        // What follows a directory has the options of files.
        let (heading, options) = if kind == "directory" { ("files", &options[..0]) } else { (kind, options) };
        let own = PathBuf::from(format!("docs/reference/{kind}.md"));
        let text =
            page(&if cargo::root().join(&own).exists() { own.display().to_string() } else { format!("docs/reference/{page_name}.md") });
        let Some((_, section)) = text.split_once(&format!("`connector = \"{heading}\"`")) else {
            missing.push(format!("{page_name}: no word of `connector = \"{heading}\"`"));
            continue;
        };
        let section = section.split("\n## ").next().unwrap_or_default();
        let lacks = options.iter().filter(|o| !section.contains(&format!("| `{}` |", o.name)));
        missing.extend(lacks.map(|o| format!("{page_name}: {kind}: the option `{}` is not there", o.name)));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn the_readme_lists_every_command() {
    let help = tidemill(Path::new("."), &["--help"]);
    let commands = help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    let names: Vec<&str> = commands.filter_map(|l| l.strip_prefix("  ")?.split(' ').next().filter(|w| !w.is_empty())).collect();
    assert!(names.contains(&"check"), "no commands in the help:\n{help}");
    let page = page("README.md");
    for name in names {
        assert!(page.contains(&format!("| `{name}` |")) || page.contains(&format!("| `{name} ")), "README.md: no row for `{name}`");
    }
}

/// A file such as the tour's reader may have: two names for France, a typo, a broken number, a missing amount, a key twice.
const SALES: &str = "sale_id,Date of Sale,country,amount\n1,2024-01-05,France,10.50\n2,17/02/2024,Germany,20\n3,2024-03-01,Grmany,\n4,2024-03-02,france,7\n\
    5,2024-03-09,Italy,twelve\n6,2024-04-01,Italy,30\n6,2024-04-01,Italy,30\n";

#[test]
fn the_tour_in_the_readme_works_as_written() {
    let home = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(home.path().join("Downloads")).expect("a directory");
    std::fs::write(home.path().join("Downloads/sales.csv"), SALES).expect("a file");
    let page = page("README.md");
    let tour = page.split("\n## ").find(|s| s.starts_with("By hand")).expect("the tour");
    let (mut steps, mut file, mut after_prose) = (0, PathBuf::new(), false);
    for part in tour.split("\n\n") {
        if !part.starts_with("    ") {
            // The prose names the file that the next block is.
            let mut paths = part.split('`').filter(|w| w.starts_with("shop/") && (w.ends_with(".toml") || w.ends_with(".sql")));
            if let Some(path) = paths.next_back() {
                file = home.path().join(path);
            }
            after_prose = true;
            continue;
        }
        let block: String = part.lines().map(|l| format!("{}\n", l.strip_prefix("    ").unwrap_or(l))).collect();
        if block.starts_with("tidemill ") {
            run(home.path(), &block);
            steps += 1;
        } else if after_prose && !block.starts_with("[[clean]]") {
            std::fs::write(&file, block).expect("a file of the project");
        } else {
            // A paragraph after another one continues the file, and so do the rules, as the prose says.
            let before = std::fs::read_to_string(&file).expect("the file's beginning");
            std::fs::write(&file, format!("{before}\n{block}")).expect("a file of the project");
        }
        after_prose = false;
    }
    assert!(steps >= 5, "only {steps} steps found in the tour");
    let result = std::fs::read_to_string(home.path().join("shop/out/sales_by_country.csv")).expect("the export");
    assert!(result.contains("Germany,2,"), "the typo was not repaired:\n{result}");
    let shop = home.path().join("shop");
    let rejected = tidemill(&shop, &["quarantine", "show", "sales", "--format", "csv"]);
    assert!(rejected.contains("twelve"), "{rejected}");
    tidemill(&shop, &["audit"]);
}

fn run(home: &Path, script: &str) {
    let bin = Path::new(env!("CARGO_BIN_EXE_tidemill")).parent().expect("a directory");
    let path = std::env::join_paths(
        std::iter::once(bin.to_path_buf()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let output = Command::new("sh")
        .args(["-e", "-c", script])
        .current_dir(home)
        .env("HOME", home)
        .env("PATH", path.expect("a path"))
        .env("NO_COLOR", "1")
        .output()
        .expect("sh starts");
    assert!(output.status.success(), "{script}\n{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

fn tidemill(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tidemill"))
        .arg("-C")
        .arg(dir)
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .expect("tidemill starts");
    assert!(output.status.success(), "tidemill {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn page(path: &str) -> String {
    std::fs::read_to_string(cargo::root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn the_dashboards_page_has_every_key_and_its_example_is_one() {
    let page = page("docs/reference/dashboards.md");
    let load = |text: &str| {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(dir.path().join("dashboards")).expect("a directory");
        std::fs::write(dir.path().join("tidemill.toml"), "name = \"t\"\n").expect("a file");
        std::fs::write(dir.path().join("dashboards/d.toml"), text).expect("a file");
        tidemill_project::load(dir.path(), &tidemill_project::Environment::default())
    };
    let example: String = page.lines().filter(|l| l.starts_with("    ") || l.is_empty()).map(|l| format!("{}\n", l.trim_start())).collect();
    let (project, problems) = load(&example);
    assert_eq!(problems, [], "{example}");
    assert_eq!(project.dashboards.iter().map(|d| (d.filters.len(), d.panels.len())).collect::<Vec<_>>(), [(2, 2)]);
    // What takes a key lists all it takes when it is given another.
    let nonsense = "qqqqqqqq = 1\ntitle = \"t\"\n[[filters]]\ncolumn = \"a\"\nqqqqqqqq = 1\n[[panels]]\nkind = \"number\"\nview = \"v\"\nqqqqqqqq = 1\n\
        y = { sql = \"count(*)\", qqqqqqqq = 1 }\n";
    let (_, problems) = load(nonsense);
    let helps: Vec<&str> = problems.iter().filter_map(|p| p.help.as_deref()).collect();
    assert_eq!(helps.len(), 4, "{problems:?}");
    for key in helps.iter().flat_map(|h| h.split_once(" takes ").map_or("", |(_, keys)| keys).split('`').skip(1).step_by(2)) {
        let in_a_row = |l: &&str| l.starts_with('|') && l.split('|').nth(1).is_some_and(|cell| cell.contains(&format!("`{key}`")));
        assert!(page.lines().any(|l| in_a_row(&l)), "docs/reference/dashboards.md: no row for `{key}`");
    }
    for (kind, _) in tidemill_project::dashboard::PanelKind::ALL {
        assert!(page.contains(&format!("`{kind}`")), "docs/reference/dashboards.md: no word of `{kind}`");
    }
}
