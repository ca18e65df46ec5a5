//! The depth network as typed on the command line, for commands of one stage.

use crate::depth::{DepthKind, InputSize, ModelChoice, Options, Place};

/// Which network, and what it does not say itself.
#[derive(Clone, Debug, clap::Args)]
pub struct NetworkArgs {
    /// Depth network: an ONNX file, a folder of them, or a name of `director models list`; given several times, the one whose input fits the
    /// clip's aspect best is used [default: the built-in one]
    #[arg(long, value_name = "NAME|PATH")]
    model: Vec<ModelChoice>,
    /// What the network's answers mean, if its file is not known
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Size that the network is fed, or the long side, where it takes several [default: a long side of about 518]
    #[arg(long, value_name = "WxH|LONG")]
    size: Option<InputSize>,
    /// Output of the network that is its depth, where it has several and their names do not tell
    #[arg(long, value_name = "NAME")]
    network_output: Option<String>,
    /// Where the network runs
    #[arg(long, value_enum, default_value_t)]
    depth_on: Place,
}

/// What a network's answers mean, as typed.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Kind {
    /// Metres along the camera's axis
    Metric,
    /// Inverse depth up to scale and shift
    Relative,
}

impl NetworkArgs {
    /// As the depth stage takes them.
    pub fn options(&self) -> Options {
        Options {
            model: ModelChoice::from_args(&self.model),
            kind: self.kind.map(DepthKind::from),
            size: self.size,
            output: self.network_output.clone(),
            on: self.depth_on,
        }
    }
}

impl From<Kind> for DepthKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Metric => Self::Metric,
            Kind::Relative => Self::RelativeInverse,
        }
    }
}
