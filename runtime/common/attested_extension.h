/* The extension that holds evidence: tcg-dice-conceptual-message-wrapper, 2.23.133.5.4.9 (TCG DICE Attestation
   Architecture, section 6.1.5), and what is in it (RFC 9999, section 3.3.1). */
#pragma once

#define ATTESTED_EXTENSION "\x67\x81\x05\x05\x04\x09"
#define ATTESTED_EXTENSION_SIZE (sizeof ATTESTED_EXTENSION - 1)
#define ATTESTED_IS_EVIDENCE 4
