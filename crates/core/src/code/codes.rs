//! The codes by name, for the rooms that report them.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $code;)*
        /// Every code that has a name here.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

codes! {
    // Files and TOML.
    PROJECT_MISSING = "TM0001";
    FILE_UNREADABLE = "TM0002";
    FILE_NOT_UTF8 = "TM0003";
    TOML_SYNTAX = "TM0004";
    KEY_UNKNOWN = "TM0005";
    VALUE_TYPE = "TM0006";
    KEY_MISSING = "TM0007";
    /// A word that is not one of the allowed ones.
    VALUE_UNKNOWN = "TM0008";
    /// A value of the right type that makes no sense: a malformed size, a number out of range.
    VALUE_INVALID = "TM0009";
    FILE_MISPLACED = "TM0010";
    NAME_INVALID = "TM0011";
    KEY_CONFLICT = "TM0012";
    /// `${NAME}` names no variable.
    VARIABLE_UNKNOWN = "TM0013";
    FILE_EMPTY = "TM0014";

    // Tables.
    LOAD_NEEDS_KEY = "TM0101";
    TIMEZONE_UNKNOWN = "TM0102";
    /// `key` or `partition_by` names a column that the clean table does not have.
    TABLE_COLUMN_UNKNOWN = "TM0103";
    NAME_REPEATED = "TM0104";
    /// `raw = "source"` with a way of loading that compares with stored rows.
    RAW_NEEDED = "TM0105";
    /// Something that a table which is followed can't have.
    TABLE_FOLLOWED = "TM0106";
    EVENT_TIME = "TM0107";

    // Columns and the contract.
    PREDICATE_TYPE = "TM0201";
    TYPE_UNKNOWN = "TM0202";
    COLUMN_DUPLICATE = "TM0203";
    DATE_FORMAT = "TM0204";
    /// An option that means nothing for the column's type.
    COLUMN_OPTION_UNFIT = "TM0205";
    RANGE_EMPTY = "TM0206";
    BOUND_TYPE = "TM0207";
    COLUMN_RESERVED = "TM0208";

    // Preparation rules.
    RULE_COLUMN_UNKNOWN = "TM0301";
    RULE_COLUMN_TYPE = "TM0302";
    RULE_OUTPUT_EXISTS = "TM0303";
    RULE_UNKNOWN = "TM0304";
    RULE_KEY = "TM0305";
    RULE_INCONSISTENT = "TM0306";
    INTO_AMBIGUOUS = "TM0307";
    REPAIR_TARGET = "TM0308";
    /// A rule that needs rows which a stream has not brought yet.
    RULE_NOT_ON_STREAM = "TM0309";

    // SQL and views.
    SQL_SYNTAX = "TM0401";
    SQL_COLUMN_UNKNOWN = "TM0402";
    SQL_TABLE_UNKNOWN = "TM0403";
    SQL_FUNCTION_UNKNOWN = "TM0404";
    SQL_TYPE = "TM0405";
    SQL_NOT_SELECT = "TM0406";
    /// A view or an alert that can't be kept current.
    VIEW_LIVE = "TM0407";
    HEADER_MISPLACED = "TM0408";
    SQL_MANY = "TM0409";
    FUNCTION_SHAPE = "TM0410";
    TEST_UNKNOWN = "TM0411";
    FUNCTION_TEST = "TM0412";
    /// `$name` that the header of a query does not declare.
    PARAMETER_UNKNOWN = "TM0413";
    PARAMETER_UNUSED = "TM0414";

    // The graph.
    CIRCLE = "TM0501";
    NAME_DUPLICATE = "TM0502";
    SELECTOR_UNKNOWN = "TM0503";
    RAW_NOT_KEPT = "TM0504";

    // Connectors, sources and exports.
    OPTION_UNKNOWN = "TM0601";
    OPTION_VALUE = "TM0602";
    SOURCE_UNREADABLE = "TM0603";
    SOURCE_COLUMN_MISSING = "TM0604";
    CONNECTOR_UNKNOWN = "TM0605";
    SOURCE_GUESSED = "TM0606";
    CONNECTION_UNKNOWN = "TM0607";
    /// A password or the like that stands in a file.
    SECRET_WRITTEN = "TM0608";

    // Settings.
    SETTING_UNKNOWN = "TM0701";
    SETTING_VALUE = "TM0702";
    ENVIRONMENT_UNKNOWN = "TM0703";
    DOTENV_SYNTAX = "TM0704";

    // Dashboards.
    /// A key that a panel of this kind does not take, or too many of what it does.
    PANEL_SHAPE = "TM0801";
    /// A column of a type that the panel or the filter can't show.
    PANEL_TYPE = "TM0802";
    FILTER_UNUSED = "TM0803";

    // While running.
    LAKE_OWNED = "TM0901";
    MEMORY_LIMIT = "TM0902";
    RECIPE_CHANGED = "TM0903";
    SOURCE_DRIFT = "TM0904";
    NOT_CONSTANT = "TM0905";
    TEST_FAILED = "TM0906";
}
