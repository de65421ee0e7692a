//! Settings made in code: flags and `MICRO_*` variables win over them, but not over one that is fixed.
//!
//! `--print_config` shows each setting and where it comes from.

use micro::prelude::*;

pub struct Clock;

#[micro::service(name = "clock")]
impl Clock {
    /// Counts the seconds of that many minutes.
    #[micro::handler]
    async fn seconds(&self, minutes: u32) -> micro::Result<u32> {
        Ok(minutes * 60)
    }
}

#[micro::main]
async fn main(builder: micro::Builder) -> micro::Result<()> {
    let service = builder
        // A default of this program: `--register_ttl=1m` still wins.
        .register_ttl(Duration::from_secs(30))
        // What it cannot do without: `--server_metadata=zone=west` is refused.
        .metadata("zone", "east")
        .fixed()
        .build()
        .await?;
    let clock = ClockClient::new(&service);
    let running = service.handle(Clock).start().await?;
    println!("{} seconds", clock.seconds(2).await?);
    running.stop().await;
    Ok(())
}
