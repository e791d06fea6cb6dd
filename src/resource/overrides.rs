//! The fields of a resource that flags of the command line set.

use crate::error::UsageError;
use crate::resource::draft::Draft;
use crate::resource::kinds::{PHASES, PULL_POLICIES};
use crate::yaml::{Node, Value, mapping};

/// A flag that sets a field of the resource.
#[derive(Debug)]
pub struct ResourceFlag {
    /// The name without the dashes, such as `image-pull-policy`.
    pub name: &'static str,
    /// The placeholder of the value in `--help`.
    pub value_name: &'static str,
    /// The help text, one sentence without a period.
    pub help: &'static str,
    /// What the value looks like.
    pub syntax: FlagSyntax,
    /// The keys from the root of the document to the field.
    pub path: &'static [&'static str],
}

/// What the value of a flag looks like. The schema of the resource has the other limits.
#[derive(Debug, Clone, Copy)]
pub enum FlagSyntax {
    /// Any text.
    Text,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A whole number.
    Integer,
    /// A label as `KEY=VALUE`. The flag can be repeated.
    Labels,
}

/// The value of a flag.
#[derive(Debug, Clone)]
pub enum FlagValue {
    /// The value of [`FlagSyntax::Text`] and [`FlagSyntax::OneOf`].
    Text(String),
    /// The value of [`FlagSyntax::Integer`].
    Integer(i64),
    /// Keys and values of [`FlagSyntax::Labels`], at least one.
    Labels(Vec<(String, String)>),
}

/// All flags that set a field of the resource, in the order of `--help`.
pub const RESOURCE_FLAGS: &[ResourceFlag] = &[
    ResourceFlag {
        name: URL,
        value_name: "URL",
        help: "URL of the module, if it is not pulled as an image: https://, http:// or file://",
        syntax: FlagSyntax::Text,
        path: &["spec", "url"],
    },
    ResourceFlag {
        name: "namespace",
        value_name: "NAMESPACE",
        help: "Namespace of the resource",
        syntax: FlagSyntax::Text,
        path: &["metadata", "namespace"],
    },
    ResourceFlag {
        name: "selector",
        value_name: "KEY=VALUE",
        help: "Label of the pods that load the filter; can be repeated",
        syntax: FlagSyntax::Labels,
        path: &["spec", "selector", "matchLabels"],
    },
    ResourceFlag {
        name: "phase",
        value_name: "PHASE",
        help: "Where the filter runs among the mesh's own filters",
        syntax: FlagSyntax::OneOf(PHASES),
        path: &["spec", "phase"],
    },
    ResourceFlag {
        name: "priority",
        value_name: "NUMBER",
        help: "Order among the filters of the same phase: the highest priority runs first",
        syntax: FlagSyntax::Integer,
        path: &["spec", "priority"],
    },
    ResourceFlag {
        name: "image-pull-policy",
        value_name: "POLICY",
        help: "When the mesh pulls the image again",
        syntax: FlagSyntax::OneOf(PULL_POLICIES),
        path: &["spec", "imagePullPolicy"],
    },
    ResourceFlag {
        name: "image-pull-secret",
        value_name: "NAME",
        help: "Secret with the credentials that the mesh pulls the image with",
        syntax: FlagSyntax::Text,
        path: &["spec", "imagePullSecret"],
    },
];

/// The flag that is for a single package, because it names the module.
const URL: &str = "url";

/// The flags that were given, with their values. Each value replaces that of the field in the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides(Vec<(&'static ResourceFlag, FlagValue)>);

impl FromIterator<(&'static ResourceFlag, FlagValue)> for Overrides {
    fn from_iter<I: IntoIterator<Item = (&'static ResourceFlag, FlagValue)>>(flags: I) -> Self {
        Overrides(flags.into_iter().collect())
    }
}

impl Overrides {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The flags that were given, in the order of [`RESOURCE_FLAGS`].
    pub fn iter(&self) -> impl Iterator<Item = (&'static ResourceFlag, &FlagValue)> {
        self.0.iter().map(|(flag, value)| (*flag, value))
    }

    /// The value of a flag, if it was given.
    pub fn get(&self, flag: &ResourceFlag) -> Option<&FlagValue> {
        self.iter().find(|(given, _)| given.name == flag.name).map(|(_, value)| value)
    }

    /// Whether `--url` was given.
    pub fn has_url(&self) -> bool {
        self.iter().any(|(flag, _)| flag.name == URL)
    }
}

impl ResourceFlag {
    /// Sets the field in `draft`.
    ///
    /// # Errors
    ///
    /// If a label was given twice.
    pub fn set(&self, draft: &mut Draft, value: &FlagValue) -> Result<(), UsageError> {
        *self.field(&mut draft.document) = self.node(value)?;
        Ok(())
    }

    /// The field of a document, which is added if it is missing.
    fn field<'d>(&self, document: &'d mut Node) -> &'d mut Node {
        self.path.iter().fold(document, |parent, key| {
            // A url that is filled in later is the first field of `spec` too.
            let index = if *key == "url" { 0 } else { usize::MAX };
            parent.entry(key, index)
        })
    }

    fn node(&self, value: &FlagValue) -> Result<Node, UsageError> {
        Ok(match value {
            FlagValue::Text(text) => text.as_str().into(),
            FlagValue::Integer(number) => Value::Int(*number).into(),
            FlagValue::Labels(labels) => {
                for (index, (key, _)) in labels.iter().enumerate() {
                    if labels[..index].iter().any(|(other, _)| other == key) {
                        return Err(UsageError {
                            message: format!("duplicate label `{key}` in `--{}`", self.name),
                            help: vec!["a pod has one value for each label: pass one".to_owned()],
                        });
                    }
                }
                mapping(labels.iter().map(|(key, value)| (key.as_str(), value.as_str().into())))
            }
        })
    }
}
