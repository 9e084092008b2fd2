export { default } from 'env-paths'
