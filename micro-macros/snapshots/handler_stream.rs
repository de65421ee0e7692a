#[micro::handler(service = "go.micro.clock", stream)]
async fn ticks(ctx: &Context, every: Every) -> Ticks<'_> {
    ticks(every)
}
