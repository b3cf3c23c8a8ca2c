// Generates a TypeScript client for each document.
//   node generate.mjs <directory of documents> <directory for the clients>
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@hey-api/openapi-ts';

const [documents, clients] = process.argv.slice(2);
for (const document of readdirSync(documents)) {
  await createClient({
    input: join(documents, document),
    output: join(clients, document.replace('.json', '')),
    plugins: ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk'],
    logs: { level: 'warn', file: false },
  });
}
