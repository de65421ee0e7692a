//! A content type of one's own: announced by one line, chosen by a flag.
//!
//! `own_codec --client_content_type=application/vnd.kitchen` has its calls written so; every handler takes it by then.

use micro::codec::{Backend, Codec, Target};
use micro::prelude::*;
use micro::{Error, wrapper};

/// JSON behind a line that tells the version.
#[derive(Debug)]
struct Versioned;

const FIRST_LINE: &[u8] = b"kitchen/1\n";

impl Codec for Versioned {
    fn content_types(&self) -> &'static [&'static str] {
        &["application/vnd.kitchen"]
    }

    fn encode(&self, value: &dyn erased_serde::Serialize, out: &mut Vec<u8>) -> micro::Result<()> {
        out.extend_from_slice(FIRST_LINE);
        serde_json::to_writer(out, value)
            .map_err(|source| Error::internal("kitchen", "no such form").with_source(source))
    }

    fn decode(&self, bytes: &[u8], target: Target<'_>) -> micro::Result<()> {
        let Some(json) = bytes.strip_prefix(FIRST_LINE) else {
            return Err(Error::bad_request("kitchen", "of another version"));
        };
        let mut json = serde_json::Deserializer::from_slice(json);
        target.read(&mut json)?;
        json.end()
            .map_err(|source| Error::bad_request("kitchen", source.to_string()))
    }
}

micro::inventory::submit! { Backend::new(&Versioned) }

pub struct Kitchen;

#[micro::service(name = "kitchen-codec")]
impl Kitchen {
    #[micro::handler]
    async fn cook(&self, dish: String) -> micro::Result<String> {
        Ok(dish)
    }
}

async fn note(_ctx: Context, request: Request, next: Next) -> micro::Result<Response> {
    println!("taken as {}", request.content_type);
    next.run(request).await
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let service = service.wrap_handler(wrapper::from_fn(note));
    let kitchen = KitchenClient::new(&service);
    let running = service.handle(Kitchen).start().await?;
    println!("{}", kitchen.cook("soup".to_owned()).await?);
    running.stop().await;
    Ok(())
}
