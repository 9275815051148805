// Types of the documents in src, from the schema that the program prints.
import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../frontend-schema.graphql",
  documents: ["src/**/*.ts", "src/**/*.tsx", "!src/generated/**"],
  generates: {
    "src/generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        enumsAsTypes: true,
        useTypeImports: true,
        defaultScalarType: "unknown",
        strictScalars: true,
        scalars: {
          CountryCode: "string",
          DateTime: "string",
          TimeZone: "string",
          URL: "string",
          JSON: "unknown",
        },
      },
    },
    // Enums that no document names, such as ErrorCode.
    "src/generated/enums.ts": { plugins: ["typescript"], config: { onlyEnums: true, enumsAsTypes: true } },
  },
};

export default config;
