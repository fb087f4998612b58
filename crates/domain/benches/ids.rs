//! What identifiers cost: `cargo bench -p resonance-domain`.
#![allow(missing_docs, clippy::allow_attributes, reason = "a benchmark")]

use divan::{AllocProfiler, black_box};
use resonance_domain::{GenerationId, Id, InOrg, OrganizationId, ParseIdError};
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const ORGANIZATION: OrganizationId =
    Id::from_uuid(Uuid::from_u128(0x0190_63d4_7af4_7cc2_bd7f_6ab1_1a4b_2c3d));
const GENERATION: GenerationId = Id::from_uuid(Uuid::from_u128(0x0190_63d4_9d1e_7a10_8f0c_1c9e_5b7a_6e4f));

mod plain {
    use super::{GENERATION, GenerationId, ParseIdError, black_box};

    #[divan::bench]
    fn write() -> String {
        black_box(GENERATION).type_id()
    }

    #[divan::bench]
    fn parse(bencher: divan::Bencher<'_, '_>) {
        let text = GENERATION.type_id();
        bencher.bench_local(|| -> Result<GenerationId, ParseIdError> { black_box(text.as_str()).parse() });
    }

    #[divan::bench]
    fn refuse(bencher: divan::Bencher<'_, '_>) {
        let text = GENERATION.type_id().replace("gen_", "voice_");
        bencher.bench_local(|| -> Result<GenerationId, ParseIdError> { black_box(text.as_str()).parse() });
    }
}

mod in_org {
    use super::{GENERATION, GenerationId, InOrg, ORGANIZATION, ParseIdError, black_box};

    #[divan::bench]
    fn write() -> String {
        black_box(InOrg::new(ORGANIZATION, GENERATION)).global_id()
    }

    #[divan::bench]
    fn parse(bencher: divan::Bencher<'_, '_>) {
        let text = InOrg::new(ORGANIZATION, GENERATION).global_id();
        bencher.bench_local(|| -> Result<InOrg<GenerationId>, ParseIdError> {
            black_box(text.as_str()).parse()
        });
    }
}
