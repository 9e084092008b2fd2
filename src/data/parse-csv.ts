export { parse } from 'csv-parse/browser/esm/sync'
