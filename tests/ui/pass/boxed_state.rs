//! State behind a trait object.

#![deny(warnings)]

#[micro::message]
pub struct Text {
    pub text: String,
}

trait Writer: Send + Sync {
    fn write(&self, text: &str) -> String;
}

impl<F: Fn(&str) -> String + Send + Sync> Writer for F {
    fn write(&self, text: &str) -> String {
        self(text)
    }
}

struct Log {
    writers: Vec<Box<dyn Writer>>,
}

#[micro::service]
impl Log {
    #[micro::handler]
    async fn write(&self, request: Text) -> micro::Result<Text> {
        let text = self.writers.iter().map(|writer| writer.write(&request.text)).collect();
        Ok(Text { text })
    }
}

#[micro::service(name = "boxed", endpoint = "Boxed")]
impl Holder<Box<dyn Writer>> {
    #[micro::handler]
    async fn hold(&self, request: Text) -> micro::Result<Text> {
        Ok(Text { text: self.0.write(&request.text) })
    }
}

struct Holder<T>(T);

#[micro::main]
async fn main() -> micro::Result<()> {
    let log = LogClient::local(Log { writers: vec![Box::new(|text: &str| text.to_uppercase())] });
    assert_eq!(log.write(Text { text: "a".to_owned() }).await?.text, "A");
    let holder = HolderClient::local(Holder(Box::new(|text: &str| format!("<{text}>"))));
    assert_eq!(holder.hold(Text { text: "a".to_owned() }).await?.text, "<a>");
    Ok(())
}
