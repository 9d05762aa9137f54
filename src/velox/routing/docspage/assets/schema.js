// Reading JSON Schema (2020-12, the dialect of OpenAPI 3.1): references, names, constraints and examples.

const FORMAT_EXAMPLES = {
  "date-time": "2026-01-31T12:00:00Z",
  date: "2026-01-31",
  time: "12:00:00",
  duration: "PT1H",
  email: "ada@example.com",
  uri: "https://example.com/",
  hostname: "example.com",
  uuid: "3fa85f64-5717-4562-b3fc-2c963f66afa6",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  byte: "aGVsbG8=",
  password: "correct horse",
};

export class Schemas {
  constructor(document) {
    this.document = document;
  }

  /** What a local `$ref` (RFC 6901 pointer after `#`) points to, or undefined. */
  lookup(reference) {
    if (typeof reference !== "string" || !reference.startsWith("#/")) return undefined;
    const keys = reference.slice(2).split("/").map((key) => decodeURIComponent(key).replace(/~1/g, "/").replace(/~0/g, "~"));
    return keys.reduce((node, key) => (node && Object.hasOwn(node, key) ? node[key] : undefined), this.document);
  }

  /** `schema` without `$ref` and `allOf`; what stands next to a `$ref` wins over what it points to. */
  resolve(schema, seen = []) {
    if (schema === true || schema === undefined || schema === null) return {};
    if (schema === false) return { not: {} };
    if (schema.$ref !== undefined) {
      const { $ref, ...rest } = schema;
      if (seen.includes($ref)) return rest; // a reference that leads to itself
      return { ...this.resolve(this.lookup($ref), [...seen, $ref]), ...rest };
    }
    return schema.allOf ? this.#merge(schema, seen) : schema;
  }

  #merge({ allOf, ...rest }, seen) {
    const merged = {};
    for (const part of [...allOf.map((one) => this.resolve(one, seen)), rest]) {
      const properties = { ...merged.properties, ...part.properties };
      const required = [...new Set([...(merged.required ?? []), ...(part.required ?? [])])];
      Object.assign(merged, part, { properties, required });
    }
    if (!Object.keys(merged.properties).length) delete merged.properties;
    return merged;
  }

  /** The alternatives of anyOf/oneOf, without the null that only says "nullable". */
  variants(schema) {
    const all = schema.oneOf ?? schema.anyOf ?? [];
    return all.filter((one) => this.resolve(one).type !== "null");
  }

  nullable(schema) {
    const { type, oneOf, anyOf } = this.resolve(schema);
    if (Array.isArray(type)) return type.includes("null");
    return type === "null" || [...(oneOf ?? []), ...(anyOf ?? [])].some((one) => this.resolve(one).type === "null");
  }

  /** `schema` with `X | null` opened up: what a form field or an example is made of. */
  core(schema) {
    const resolved = this.resolve(schema);
    const variants = this.variants(resolved);
    if (variants.length !== 1) return resolved;
    const { anyOf, oneOf, ...rest } = resolved;
    return { ...this.core(variants[0]), ...rest };
  }

  /** The first type that is not null: "string", "array", …; guessed from the keywords when it is not written. */
  type(schema) {
    const { type, properties, additionalProperties, items } = schema;
    if (type) return [type].flat().find((one) => one !== "null") ?? "null";
    if (properties || additionalProperties) return "object";
    return items ? "array" : "any";
  }

  /** The name of the component that `schema` refers to, or null. */
  name(schema) {
    const match = /^#\/components\/schemas\/([^/]+)$/.exec(schema?.$ref ?? "");
    return match ? decodeURIComponent(match[1]) : null;
  }

  /** A value that fits `schema`; `trail` holds the references above, so that recursive models end. */
  example(schema, trail = []) {
    if (schema?.$ref) {
      if (trail.includes(schema.$ref)) return undefined;
      trail = [...trail, schema.$ref];
    }
    const resolved = this.resolve(schema);
    for (const value of [resolved.example, resolved.examples?.[0], resolved.const, resolved.default, resolved.enum?.[0]])
      if (value !== undefined) return value;
    const variants = this.variants(resolved);
    if (variants.length) return this.#firstExample(variants, trail) ?? (this.nullable(resolved) ? null : undefined);
    const type = this.type(resolved);
    if (type === "object") return this.#object(resolved, trail);
    if (type === "array") return this.#array(resolved, trail);
    return scalarExample(type, resolved);
  }

  #firstExample(variants, trail) {
    for (const variant of variants) {
      const value = this.example(variant, trail);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  #object(schema, trail) {
    const value = {};
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const example = this.example(property, trail);
      // defineProperty: a property called "__proto__" must be an ordinary one.
      if (example !== undefined) Object.defineProperty(value, name, { value: example, enumerable: true });
    }
    const extra = schema.additionalProperties;
    if (extra && !schema.properties) value.key = this.example(extra, trail) ?? null;
    return value;
  }

  #array(schema, trail) {
    if (schema.prefixItems) return schema.prefixItems.map((item) => this.example(item, trail) ?? null);
    const item = this.example(schema.items ?? {}, trail);
    return item === undefined ? [] : Array(Math.min(Math.max(schema.minItems ?? 1, 1), 5)).fill(item);
  }
}

function scalarExample(type, schema) {
  if (type === "boolean") return true;
  if (type === "null") return null;
  if (type === "integer" || type === "number") return numberExample(type, schema);
  if (type !== "string") return {};
  const text = FORMAT_EXAMPLES[schema.format] ?? "string";
  return text.padEnd(Math.min(schema.minLength ?? 0, 200), "x").slice(0, schema.maxLength ?? undefined);
}

function numberExample(type, schema) {
  const step = schema.multipleOf ?? (type === "integer" ? 1 : 0.5);
  const low = schema.minimum ?? (schema.exclusiveMinimum !== undefined ? schema.exclusiveMinimum + step : undefined);
  const high = schema.maximum ?? (schema.exclusiveMaximum !== undefined ? schema.exclusiveMaximum - step : undefined);
  const wish = schema.multipleOf ?? 1;
  if (low !== undefined && wish < low) return schema.multipleOf ? Math.ceil(low / step) * step : low;
  return high !== undefined && wish > high ? high : wish;
}

/** What `schema` asks of a value beyond its type, each as a few readable characters. */
export function constraints(schema) {
  const out = [
    range("", schema.minimum, schema.maximum),
    schema.exclusiveMinimum !== undefined && `> ${schema.exclusiveMinimum}`,
    schema.exclusiveMaximum !== undefined && `< ${schema.exclusiveMaximum}`,
    schema.multipleOf !== undefined && `multiple of ${schema.multipleOf}`,
    range("length ", schema.minLength, schema.maxLength),
    schema.pattern !== undefined && `matches ${schema.pattern}`,
    range("items ", schema.minItems, schema.maxItems),
    schema.uniqueItems && "unique",
    range("keys ", schema.minProperties, schema.maxProperties),
    schema.readOnly && "read only",
    schema.writeOnly && "write only",
  ];
  return out.filter(Boolean);
}

function range(label, low, high) {
  if (low === undefined && high === undefined) return null;
  if (low === high) return `${label}${low}`;
  if (low === undefined) return `${label}≤ ${high}`;
  return high === undefined ? `${label}≥ ${low}` : `${label}${low} to ${high}`;
}
