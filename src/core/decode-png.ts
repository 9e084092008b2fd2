export { decode } from 'fast-png'
