//! `mdht completions`.

use clap_complete::Shell;

use crate::output::{Failure, whole};

/// Print completions for a shell: commands, options, and the words that options
/// take.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht completions bash > ~/.local/share/bash-completion/completions/mdht
  mdht completions zsh > ~/.zfunc/_mdht     (a folder of $fpath)
  mdht completions fish > ~/.config/fish/completions/mdht.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut command: clap::Command) -> Result<(), Failure> {
    // into memory first: the generator takes a reader that goes away for a bug
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "mdht", &mut script);
    whole(&script)
}
