// Verifies session tokens with Clerk's own library and asks it for permissions and roles.
// Standard input: { now, jwks, cases: [{ token, permissions: [key], roles: [key] }] }; standard output: for each case what
// `has` says to each, and what the library made of the claims.
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { verifyToken } from '@clerk/backend';
import { signedInAuthObject } from '@clerk/backend/internal';

const { now, jwks, cases } = JSON.parse(readFileSync(0, 'utf8'));
// The test's clock is turned by hand.
Date.now = () => now;
const answers = [];
for (const { token, permissions, roles } of cases) {
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0], 'base64url'));
  const jwk = jwks.keys.find(key => key.kid === kid);
  const jwtKey = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
  const claims = await verifyToken(token, { jwtKey });
  const auth = signedInAuthObject({}, token, claims);
  answers.push({
    user: auth.userId,
    session: auth.sessionId,
    organization: auth.orgId,
    slug: auth.orgSlug,
    role: auth.orgRole,
    permissions: permissions.map(permission => auth.has({ permission })),
    roles: roles.map(role => auth.has({ role })),
  });
}
process.stdout.write(JSON.stringify(answers));
