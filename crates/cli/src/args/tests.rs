use super::*;
use clap::CommandFactory;

#[test]
fn the_command_line_is_well_formed() {
    Args::command().debug_assert();
}

#[test]
fn every_command_has_a_paragraph_and_examples() {
    fn walk(command: &clap::Command, path: &str) {
        for sub in command.get_subcommands() {
            let path = format!("{path} {}", sub.get_name());
            let examples = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(examples.starts_with("Examples:\n"), "{path} has no examples");
            assert!(sub.get_about().is_some(), "{path} has no summary");
            assert!(sub.get_long_about().is_some_and(|t| t.to_string().len() > 80), "{path} has no paragraph of help");
            walk(sub, &path);
        }
    }
    walk(&Args::command(), "tidemill");
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    let a = Args::try_parse_from(["tidemill", "-C", "x", "--format", "json", "check"]).unwrap();
    let b = Args::try_parse_from(["tidemill", "check", "-C", "x", "--format", "json"]).unwrap();
    assert_eq!(a.global.directory, b.global.directory);
    assert_eq!((a.global.format, b.global.format), (OutputFormat::Json, OutputFormat::Json));
}

#[test]
fn selectors_may_be_listed_or_repeated() {
    let args = Args::try_parse_from(["tidemill", "run", "-s", "raw.*", "clean.a+", "-s", "+b", "--full"]).unwrap();
    let Command::Run(run) = args.command else { panic!("not run") };
    assert_eq!(run.selection.select, ["raw.*", "clean.a+", "+b"]);
    assert!(run.full);
}

#[test]
fn a_setting_needs_a_value() {
    assert!(Args::try_parse_from(["tidemill", "--set", "engine.threads", "check"]).is_err());
    let args = Args::try_parse_from(["tidemill", "--set", "engine.threads = 2", "check"]).unwrap();
    assert_eq!(args.global.set, [("engine.threads".to_string(), "2".to_string())]);
}
