//! Flags of the program's own beside those of every program; `--help` shows both, its own first.

use micro::clap;

#[micro::message]
pub struct Question {
    pub text: String,
}

#[micro::message]
pub struct Answer {
    pub text: String,
}

/// How it answers; made from the flags.
pub struct Oracle {
    mood: Mood,
    signature: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Mood {
    Kind,
    Curt,
}

#[micro::service(name = "oracle")]
impl Oracle {
    /// Answers anything.
    #[micro::handler]
    async fn ask(&self, question: Question) -> micro::Result<Answer> {
        let mut text = match self.mood {
            Mood::Kind => format!("A good question: {}", question.text),
            Mood::Curt => "No.".to_owned(),
        };
        if let Some(name) = &self.signature {
            text.push_str(&format!(" ({name})"));
        }
        Ok(Answer { text })
    }
}

/// Any clap struct; its variables are named as it says.
#[derive(clap::Args)]
struct Args {
    /// How to answer
    #[arg(long, env = "ORACLE_MOOD", default_value = "kind")]
    mood: Mood,
    /// Who signs the answers
    #[arg(long)]
    signature: Option<String>,
}

#[micro::main]
async fn main(service: micro::Service, args: Args) -> micro::Result<()> {
    let oracle = OracleClient::new(&service);
    let Args { mood, signature } = args;
    let running = service.handle(Oracle { mood, signature }).start().await?;

    let text = "why?".to_owned();
    println!("{}", oracle.ask(Question { text }).await?.text);
    running.stop().await;
    Ok(())
}
