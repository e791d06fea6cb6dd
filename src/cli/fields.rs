//! The fields of the resource that the command line sets.

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::cli::args;
use crate::error::UsageError;
use crate::resource::{Overrides, PHASES, PULL_POLICIES};

/// The section of the help in which they stand.
pub(super) const HEADING: &str = "Resource";

#[derive(Debug, Clone, Args)]
pub(super) struct Fields {
    /// Url of the module, where it is not pulled as an image: https://, http:// or file://
    #[arg(long, help_heading = HEADING)]
    url: Option<String>,
    /// Namespace of the resource
    #[arg(long, help_heading = HEADING)]
    namespace: Option<String>,
    /// Label of the pods that load the filter; may be given several times
    #[arg(long = "selector", value_name = "KEY=VALUE", value_parser = args::key_value, help_heading = HEADING)]
    selector: Vec<(String, String)>,
    /// Where the filter stands among the mesh's own
    #[arg(long, value_parser = PossibleValuesParser::new(PHASES), help_heading = HEADING)]
    phase: Option<String>,
    /// Where the filter stands among those of its phase: the highest comes first
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, help_heading = HEADING)]
    priority: Option<i64>,
    /// When the mesh pulls the image again
    #[arg(long, value_name = "POLICY", value_parser = PossibleValuesParser::new(PULL_POLICIES), help_heading = HEADING)]
    image_pull_policy: Option<String>,
    /// Secret with the login that the mesh pulls the image with
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    image_pull_secret: Option<String>,
}

impl Fields {
    /// The fields that were given.
    ///
    /// # Errors
    ///
    /// Where a label was given twice. What the mesh would refuse is told where the fields are set.
    pub(super) fn overrides(&self) -> Result<Overrides, UsageError> {
        for (index, (label, _)) in self.selector.iter().enumerate() {
            if self.selector[..index].iter().any(|(before, _)| before == label) {
                return Err(UsageError {
                    message: format!("`--selector` has the label `{label}` twice"),
                    help: vec!["a pod has one value for it: give one".to_owned()],
                });
            }
        }
        Ok(Overrides {
            url: self.url.clone(),
            namespace: self.namespace.clone(),
            selector: self.selector.clone(),
            phase: self.phase.clone(),
            priority: self.priority,
            image_pull_policy: self.image_pull_policy.clone(),
            image_pull_secret: self.image_pull_secret.clone(),
        })
    }

    /// The flags that were given, with their values, as they would be typed.
    pub(super) fn flags(&self) -> Vec<(&'static str, String)> {
        let mut flags = Vec::new();
        let mut add = |flag, value: Option<String>| flags.extend(value.map(|value| (flag, value)));
        add("--url", self.url.clone());
        add("--namespace", self.namespace.clone());
        for (label, value) in &self.selector {
            add("--selector", Some(format!("{label}={value}")));
        }
        add("--phase", self.phase.clone());
        add("--priority", self.priority.map(|priority| priority.to_string()));
        add("--image-pull-policy", self.image_pull_policy.clone());
        add("--image-pull-secret", self.image_pull_secret.clone());
        flags
    }
}
