export type SyncMessage = { readonly kind: "root" };
